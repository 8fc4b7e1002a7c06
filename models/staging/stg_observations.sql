with printed as (

    {% for file in var('observation_files') -%}
    select * from {{ ref('observations_' ~ file) }}
    {% if not loop.last -%} union all {% endif -%}
    {%- endfor %}

)

select
    printed.city_code,
    printed.statistic_code,
    printed.year,
    printed.source_code,
    printed.value as printed_figure,
    printed.unit as printed_unit,
    case conversions.exchange_rate
        when 'none' then printed.value * conversions.factor
        when 'multiply' then printed.value * conversions.factor * rates.cny_per_usd
        when 'divide' then printed.value * conversions.factor / rates.cny_per_usd
    end as value,
    precedence.precedence,
    coalesce(precedence.excluded_year = printed.year, false) as is_excluded,
    printed.reference,
    printed.note
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
