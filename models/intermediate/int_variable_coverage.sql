with cities as (

    select
        indicator_values.edition,
        indicators.variable_code,
        indicator_values.city_code,
        count(*) as indicator_count,
        max(case when indicator_values.is_stand_in then 1 else 0 end) as has_stand_in
    from {{ ref('fct_indicator_values') }} as indicator_values
    inner join {{ ref('indicators') }} as indicators
        on indicator_values.indicator_code = indicators.indicator_code
    group by indicator_values.edition, indicators.variable_code, indicator_values.city_code

),

variables as (

    select
        editions.edition,
        editions.fallback_edition,
        editions.city_count,
        indicators.variable_code,
        count(*) as indicator_count
    from {{ ref('dim_editions') }} as editions
    cross join {{ ref('indicators') }} as indicators
    where editions.basis = 'recomputed'
    group by editions.edition, editions.fallback_edition, editions.city_count, indicators.variable_code

),

counted as (

    select
        variables.edition,
        variables.variable_code,
        variables.fallback_edition,
        variables.indicator_count,
        variables.city_count,
        count(cities.city_code) as cities_covered,
        coalesce(sum(cities.has_stand_in), 0) as stand_in_cities
    from variables
    left join cities
        on
            variables.edition = cities.edition
            and variables.variable_code = cities.variable_code
            and variables.indicator_count = cities.indicator_count
    group by
        variables.edition, variables.variable_code, variables.fallback_edition,
        variables.indicator_count, variables.city_count

)

select
    edition,
    variable_code,
    fallback_edition,
    cast(indicator_count as integer) as indicator_count,
    city_count,
    cast(cities_covered as integer) as cities_covered,
    cast(stand_in_cities as integer) as stand_in_cities,
    case
        when cities_covered = city_count and stand_in_cities = 0 then 'computed'
        when cities_covered = city_count and stand_in_cities <= {{ var('max_stand_in_share') }} * city_count
            then 'estimated'
        else 'printed'
    end as score_source
from counted
