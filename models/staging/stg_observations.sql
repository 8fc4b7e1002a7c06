with printed as (

    {{ observations() }}

),

converted as (

    select
        printed.*,
        statistics.plausible_min,
        statistics.plausible_max,
        precedence.precedence,
        precedence.excluded_year,
        case conversions.exchange_rate
            when 'none' then printed.value * conversions.factor
            when 'multiply' then printed.value * conversions.factor * rates.cny_per_usd
            when 'divide' then printed.value * conversions.factor / rates.cny_per_usd
        end as canonical_value
    from printed
    inner join {{ ref('statistics') }} as statistics
        on printed.statistic_code = statistics.statistic_code
    inner join {{ ref('source_precedence') }} as precedence
        on printed.source_code = precedence.source_code
    left join {{ ref('unit_conversions') }} as conversions
        on
            printed.unit = conversions.unit
            and statistics.unit_zh = conversions.canonical_unit
    left join {{ ref('exchange_rates') }} as rates
        on printed.year = rates.year

)

select
    city_code,
    statistic_code,
    year,
    source_code,
    value as printed_figure,
    unit as printed_unit,
    canonical_value as value,
    precedence,
    case
        when year = excluded_year then 'excluded_year'
        when canonical_value not between plausible_min and plausible_max then 'implausible'
    end as exclusion_reason,
    reference,
    note
from converted
