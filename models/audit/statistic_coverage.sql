with figures as (

    select distinct
        statistic_code,
        year,
        city_code
    from {{ ref('stg_observations') }}

),

sources as (

    select distinct
        statistic_code,
        year,
        source_code
    from {{ ref('stg_observations') }}

),

years as (

    select
        statistic_code,
        year,
        {{ dbt.listagg(
            measure="source_code",
            delimiter_text="', '",
            order_by_clause="order by source_code",
        ) }} as sources
    from sources
    group by statistic_code, year

)

select
    years.statistic_code,
    years.year,
    cast(count(figures.city_code) as integer) as cities_covered,
    years.sources,
    {{ dbt.listagg(
        measure="case when figures.city_code is null then cities.city_zh end",
        delimiter_text="'、'",
        order_by_clause="order by cities.city_code",
    ) }} as missing_cities
from years
cross join {{ ref('cities') }} as cities
left join figures
    on
        years.statistic_code = figures.statistic_code
        and years.year = figures.year
        and cities.city_code = figures.city_code
group by years.statistic_code, years.year, years.sources
