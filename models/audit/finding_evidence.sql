-- every subject that a finding's measure is known of, from the one that its direction puts first
with measured as (

    select
        findings.edition,
        findings.finding_code,
        findings.kind,
        findings.operator,
        findings.limit_value,
        findings.places,
        findings.named_count,
        findings.has_parts,
        finding_values.subject_code,
        finding_values.value,
        rank() over (
            partition by findings.edition, findings.finding_code
            order by
                case when findings.extreme = 'lowest' then 1 else -1 end * round(finding_values.value, 9)
        ) as rank
    from {{ ref('int_findings') }} as findings
    inner join {{ ref('int_finding_values') }} as finding_values
        on
            findings.edition = finding_values.edition
            and findings.measure_kind = finding_values.measure_kind
            and findings.measure_code = finding_values.measure_code
            and findings.period = finding_values.period
    left join {{ ref('dim_cities') }} as cities
        on finding_values.subject_code = cities.city_code
    -- a province or the nation has no place among cities
    where findings.is_of_scores or cities.city_code is not null

),

-- the subjects that the statement names, each with what its value is held against
named as (

    select
        findings.edition,
        findings.finding_code,
        findings.kind,
        findings.operator,
        findings.tolerance,
        findings.not_measured,
        subjects.role,
        subjects.position,
        subjects.subject_code,
        case
            when subjects.measure_code is not null then coalesce(subjects.measure_kind, findings.measure_kind)
        end as own_measure_kind,
        subjects.measure_code as own_measure_code,
        subjects.period as own_period,
        finding_values.value,
        case findings.kind
            when 'leading' then findings.places
            when 'threshold' then findings.limit_value
            when 'count' then findings.limit_value
            when 'value' then coalesce(subjects.expected, findings.expected)
            when 'comparison'
                then
                    max(case when subjects.role = 'than' then finding_values.value end)
                        over (partition by findings.edition, findings.finding_code)
        end as held_against
    from {{ ref('int_findings') }} as findings
    inner join {{ ref('finding_subjects') }} as subjects
        on findings.finding_code = subjects.finding_code
    left join {{ ref('int_finding_values') }} as finding_values
        on
            findings.edition = finding_values.edition
            and coalesce(subjects.measure_kind, findings.measure_kind) = finding_values.measure_kind
            and coalesce(subjects.measure_code, findings.measure_code) = finding_values.measure_code
            and coalesce(subjects.period, findings.period) = finding_values.period
            and subjects.subject_code = finding_values.subject_code

),

evidence as (

    select
        named.edition,
        named.finding_code,
        named.role,
        named.position,
        named.subject_code,
        named.own_measure_kind,
        named.own_measure_code,
        named.own_period,
        named.value,
        case when named.kind = 'leading' then measured.rank end as rank,
        named.held_against,
        case
            when named.role <> 'named' or named.value is null then null
            when named.kind = 'leading' and measured.rank > named.held_against then false
            -- those without a figure might all stand ahead
            when named.kind = 'leading'
                then case when measured.rank + named.not_measured <= named.held_against then true end
            when named.kind in ('threshold', 'count', 'comparison')
                then {{ holds('named.value', 'named.operator', 'named.held_against') }}
            when named.kind = 'value' then round(abs(named.value - named.held_against), 9) <= named.tolerance
        end as fits
    from named
    left join measured
        on
            named.edition = measured.edition
            and named.finding_code = measured.finding_code
            and named.subject_code = measured.subject_code
    union all
    -- who really stands where the statement puts its subjects, who is counted, or has a part in the whole
    select
        edition,
        finding_code,
        case when kind = 'share' then 'all_parts' else 'actual' end as role,
        row_number() over (partition by edition, finding_code order by rank, subject_code) as position,
        subject_code,
        null as own_measure_kind,
        null as own_measure_code,
        null as own_period,
        value,
        case when kind = 'leading' then rank end as rank,
        null as held_against,
        null as fits
    from measured
    where
        (kind = 'leading' and rank <= places)
        or (kind = 'count' and named_count = 0 and {{ holds('value', 'operator', 'limit_value') }})
        or (kind = 'share' and not has_parts)

)

select
    evidence.edition,
    evidence.finding_code,
    evidence.role,
    cast(evidence.position as integer) as position,
    evidence.subject_code,
    subjects.subject_zh,
    subjects.subject_en,
    evidence.value,
    cast(evidence.rank as integer) as rank,
    evidence.held_against,
    evidence.fits,
    subjects.subject_zh
    || coalesce(' ' || measures.measure_zh, '')
    || coalesce(' ' || evidence.own_period, '')
    || ' '
    || coalesce({{ number_text('evidence.value') }}, '?')
    || coalesce('（第 ' || cast(evidence.rank as {{ dbt.type_string() }}) || '）', '') as evidence_zh,
    subjects.subject_en
    || coalesce(' ' || measures.measure_en, '')
    || coalesce(' ' || evidence.own_period, '')
    || ' '
    || coalesce({{ number_text('evidence.value') }}, '?')
    || coalesce(' (rank ' || cast(evidence.rank as {{ dbt.type_string() }}) || ')', '') as evidence_en
from evidence
left join {{ ref('int_subjects') }} as subjects
    on evidence.subject_code = subjects.subject_code
left join {{ ref('int_measures') }} as measures
    on
        evidence.own_measure_kind = measures.measure_kind
        and evidence.own_measure_code = measures.measure_code
