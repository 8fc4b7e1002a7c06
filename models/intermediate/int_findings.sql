{%- set is_raw
    = "findings.measure_kind in ('indicator_value', 'statistic', 'statistic_growth', 'bulletin', 'bulletin_growth')" -%}
-- What the report says is about the editions made from it; what press articles say is about figures, so about all.
with edition_sources as (

    select distinct source_code from {{ ref('dim_editions') }}

),

named as (

    select
        finding_code,
        count(case when role = 'named' then 1 end) as named_count,
        count(case when role = 'part' then 1 end) as part_count
    from {{ ref('finding_subjects') }}
    group by finding_code

),

measured as (

    select
        finding_values.edition,
        finding_values.measure_kind,
        finding_values.measure_code,
        finding_values.period,
        count(cities.city_code) as city_count
    from {{ ref('int_finding_values') }} as finding_values
    left join {{ ref('dim_cities') }} as cities
        on finding_values.subject_code = cities.city_code
    group by
        finding_values.edition, finding_values.measure_kind, finding_values.measure_code, finding_values.period

)

select
    editions.edition,
    findings.finding_code,
    findings.kind,
    findings.measure_kind,
    coalesce(findings.measure_code, '') as measure_code,
    coalesce(findings.period, '') as period,
    coalesce(measures.measure_zh, findings.measure_kind) as measure_zh,
    coalesce(measures.measure_en, findings.measure_kind) as measure_en,
    findings.extreme,
    findings.operator,
    findings.threshold * case when findings.currency is null then 1 else rates.cny_per_usd end as limit_value,
    findings.expected,
    coalesce(findings.tolerance, 0) as tolerance,
    cast(coalesce(named.named_count, 0) as integer) as named_count,
    coalesce(named.part_count, 0) > 0 as has_parts,
    cast(case when findings.kind = 'leading' then coalesce(findings.expected, named.named_count) end as integer)
        as places,
    -- raw figures may be missing for some cities; scores and what follows from them never are
    not {{ is_raw }} as is_of_scores,
    cast(case when {{ is_raw }} then editions.city_count - coalesce(measured.city_count, 0) else 0 end as integer)
        as not_measured
from {{ ref('findings') }} as findings
left join edition_sources
    on findings.source_code = edition_sources.source_code
inner join {{ ref('dim_editions') }} as editions
    on edition_sources.source_code is null or edition_sources.source_code = editions.source_code
left join {{ ref('exchange_rates') }} as rates
    on
        findings.currency = 'USD'
        and coalesce(findings.period, cast(editions.base_year as {{ dbt.type_string() }}))
        = cast(rates.year as {{ dbt.type_string() }})
left join named
    on findings.finding_code = named.finding_code
left join measured
    on
        editions.edition = measured.edition
        and findings.measure_kind = measured.measure_kind
        and coalesce(findings.measure_code, '') = measured.measure_code
        and coalesce(findings.period, '') = measured.period
left join {{ ref('int_measures') }} as measures
    on
        findings.measure_kind = measures.measure_kind
        and findings.measure_code = measures.measure_code
