with years as (

    select distinct
        statistic_code,
        year
    from {{ ref('stg_observations') }}

),

figures as (

    select
        statistic_code,
        year,
        source_code,
        city_code
    from {{ ref('stg_observations') }}

),

sources as (

    select
        statistic_code,
        year,
        {{ dbt.listagg(measure="source_code", delimiter_text="', '", order_by_clause="order by source_code") }} as sources
    from (
        select distinct
            statistic_code,
            year,
            source_code
        from figures
    ) as distinct_sources
    group by statistic_code, year

)

select
    years.statistic_code,
    years.year,
    cast(count(distinct figures.city_code) as integer) as cities_covered,
    sources.sources,
    {{ dbt.listagg(
        measure="case when figures.city_code is null then cities.city_zh end",
        delimiter_text="'、'",
        order_by_clause="order by cities.city_code",
    ) }} as missing_cities
from years
cross join {{ ref('cities') }} as cities
left join (
    select distinct
        statistic_code,
        year,
        city_code
    from figures
) as figures
    on
        years.statistic_code = figures.statistic_code
        and years.year = figures.year
        and cities.city_code = figures.city_code
inner join sources
    on
        years.statistic_code = sources.statistic_code
        and years.year = sources.year
group by years.statistic_code, years.year, sources.sources
