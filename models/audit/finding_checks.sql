{%- set phrases = {
    'zh': {'counted': ' 个：', 'the_first': '前 ', 'are': ' 位是：', 'it_is': '实为 ',
        'from': '所列的值从 ', 'to': ' 到 ', 'holds_for': '；符合的有：'},
    'en': {'counted': ': ', 'the_first': 'the first ', 'are': ' are: ', 'it_is': 'it is ',
        'from': 'the values named run from ', 'to': ' to ', 'holds_for': '; it holds for: '},
} -%}
{#- growth needs the figure of the year before too -#}
{%- set period
    = "case when judged.measure_kind = 'statistic_growth' then cast(cast(judged.period as integer) - 1 as "
    ~ dbt.type_string() ~ ") || ', ' else '' end || judged.period" -%}
{%- set parts_not_known
    = 'evidence.parts_not_known + case when findings.has_parts then 0 else findings.not_measured end' -%}
with evidence as (

    select
        edition,
        finding_code,
        count(case when fits then 1 end) as fitting,
        count(case when not fits then 1 end) as not_fitting,
        count(case when role = 'named' and fits is null then 1 end) as not_known,
        count(case when role = 'actual' then 1 end) as actual_count,
        count(case when role in ('part', 'whole') and value is null then 1 end) as parts_not_known,
        sum(case when role in ('part', 'all_parts') then value end) as part,
        sum(case when role = 'whole' then value end) as whole,
        min(case when role = 'named' then value end) as lowest,
        max(case when role = 'named' then value end) as highest,
        {{ evidence_list("role not in ('actual', 'all_parts')", 'zh') }} as named_zh,
        {{ evidence_list("role not in ('actual', 'all_parts')", 'en') }} as named_en,
        {{ evidence_list("role = 'actual'", 'zh') }} as actual_zh,
        {{ evidence_list("role = 'actual'", 'en') }} as actual_en,
        {{ evidence_list('fits', 'zh') }} as fitting_zh,
        {{ evidence_list('fits', 'en') }} as fitting_en,
        replace({{ evidence_list('value is null', 'zh') }}, ' ?', '') as missing_zh,
        replace({{ evidence_list('value is null', 'en') }}, ' ?', '') as missing_en
    from {{ ref('finding_evidence') }}
    group by edition, finding_code

),

found as (

    select
        findings.*,
        coalesce(evidence.fitting, 0) as fitting,
        coalesce(evidence.not_fitting, 0) as not_fitting,
        coalesce(evidence.not_known, 0) as not_known,
        case
            when findings.measure_kind = 'none' then null
            when findings.kind = 'count'
                then
                    coalesce(case when findings.named_count > 0 then evidence.fitting else evidence.actual_count end, 0)
            when findings.kind = 'share' and {{ parts_not_known }} = 0
                then 100 * evidence.part / coalesce(evidence.whole, findings.limit_value)
        end as found_value,
        -- a count of named subjects looks at no others
        case when findings.named_count > 0 then evidence.not_known else findings.not_measured end as not_countable,
        evidence.lowest,
        {%- for list in ['named', 'actual', 'fitting', 'missing'] %}
            evidence.{{ list }}_zh,
            evidence.{{ list }}_en,
        {%- endfor %}
        evidence.highest
    from {{ ref('int_findings') }} as findings
    left join evidence
        on findings.edition = evidence.edition and findings.finding_code = evidence.finding_code

),

judged as (

    select
        *,
        case
            when measure_kind = 'none' then 'not_testable_yet'
            -- a count is settled once those without a figure can no longer change it
            when kind = 'count' and (found_value > expected or found_value + not_countable < expected)
                then 'contradicted'
            when kind = 'count' and not_countable > 0 then 'not_testable_yet'
            when kind = 'count' then 'confirmed'
            when kind = 'share' and found_value is null then 'not_testable_yet'
            when kind = 'share' and round(abs(found_value - expected), 9) <= tolerance then 'confirmed'
            when kind = 'share' then 'contradicted'
            when fitting > 0 and not_fitting > 0 then 'partly'
            when not_fitting > 0 then 'contradicted'
            when fitting > 0 and not_known = 0 then 'confirmed'
            else 'not_testable_yet'
        end as verdict
    from found

)

select
    judged.edition,
    judged.finding_code,
    findings.dimension_code,
    findings.source_code,
    findings.source_line,
    findings.statement_zh,
    findings.statement_en,
    judged.kind,
    judged.measure_kind,
    findings.measure_code,
    findings.period,
    findings.operator,
    findings.threshold,
    judged.tolerance,
    judged.verdict,
    cast(judged.fitting as integer) as fitting,
    cast(judged.not_fitting as integer) as not_fitting,
    cast(judged.not_known as integer) as not_known,
    judged.expected,
    judged.found_value,
    {%- for language in ['zh', 'en'] %}
        {%- set words = phrases[language] %}
        case judged.kind
            when 'count'
                then
                    {{ number_text('judged.found_value') }}
                    || '{{ words.counted }}'
                    || coalesce(judged.actual_{{ language }}, judged.fitting_{{ language }}, '-')
            when 'share'
                then
                    {{ number_text('judged.found_value') }}
                    || ' %' || coalesce(' (' || judged.named_{{ language }} || ')', '')
            else judged.named_{{ language }}
        end as evidence_{{ language }},
        case
            when judged.verdict in ('partly', 'contradicted') then
                case judged.kind
                    when 'leading'
                        then
                            '{{ words.the_first }}' || cast(judged.places as {{ dbt.type_string() }})
                            || '{{ words.are }}' || judged.actual_{{ language }}
                    when 'count' then '{{ words.it_is }}' || {{ number_text('judged.found_value') }}
                    when 'share' then '{{ words.it_is }}' || {{ number_text('judged.found_value') }} || ' %'
                    when 'value' then '{{ words.it_is }}' || judged.named_{{ language }}
                    else
                        '{{ words.from }}' || {{ number_text('judged.lowest') }}
                        || '{{ words.to }}' || {{ number_text('judged.highest') }}
                        || '{{ words.holds_for }}' || coalesce(judged.fitting_{{ language }}, '-')
                end
        end as nearest_reading_{{ language }},
    {%- endfor %}
    case
        when judged.verdict = 'not_testable_yet' then
            coalesce(
                findings.missing_figure,
                rtrim(judged.measure_zh || ' ' || {{ period }}) || '：'
                || coalesce(judged.missing_zh, cast(judged.not_measured as {{ dbt.type_string() }}) || ' 个城市')
                || ' / ' || rtrim(judged.measure_en || ' ' || {{ period }}) || ': '
                || coalesce(judged.missing_en, cast(judged.not_measured as {{ dbt.type_string() }}) || ' cities')
            )
    end as missing_figure,
    findings.note
from judged
inner join {{ ref('findings') }} as findings
    on judged.finding_code = findings.finding_code
