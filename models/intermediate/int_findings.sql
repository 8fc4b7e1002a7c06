with named as (

    select
        finding_code,
        count(*) as named_count
    from {{ ref('finding_subjects') }}
    where role = 'named'
    group by finding_code

),

measured as (

    select
        edition,
        measure_kind,
        measure_code,
        period,
        count(*) as measured_count
    from {{ ref('int_finding_values') }}
    group by edition, measure_kind, measure_code, period

)

select
    editions.edition,
    findings.finding_code,
    findings.kind,
    findings.measure_kind,
    coalesce(findings.measure_code, '') as measure_code,
    coalesce(findings.period, '') as period,
    findings.extreme,
    findings.operator,
    findings.threshold * coalesce(rates.cny_per_usd, 1) as limit_value,
    findings.expected,
    coalesce(findings.tolerance, 0) as tolerance,
    cast(coalesce(named.named_count, 0) as integer) as named_count,
    cast(case when findings.kind = 'leading' then coalesce(findings.expected, named.named_count) end as integer) as places,
    cast(coalesce(measured.measured_count, 0) as integer) as measured_count,
    -- raw figures may be missing for some cities; scores and what follows from them never are
    cast(
        case
            when findings.measure_kind in (
                'indicator_value', 'statistic', 'statistic_growth', 'bulletin', 'bulletin_growth'
            )
                then greatest(editions.city_count - coalesce(measured.measured_count, 0), 0)
            else 0
        end as integer
    ) as not_measured
from {{ ref('findings') }} as findings
cross join {{ ref('dim_editions') }} as editions
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
