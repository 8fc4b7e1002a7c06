with wanted as (

    select
        coverage.edition,
        coverage.variable_code,
        coverage.score_source,
        edition_cities.city_code,
        indicators.indicator_code,
        {{ indicator_year('editions', 'indicators') }} as year
    from {{ ref('int_variable_coverage') }} as coverage
    inner join {{ ref('dim_editions') }} as editions
        on coverage.edition = editions.edition
    inner join {{ ref('edition_cities') }} as edition_cities
        on coverage.edition = edition_cities.edition
    inner join {{ ref('indicators') }} as indicators
        on coverage.variable_code = indicators.variable_code
    left join {{ ref('fct_indicator_values') }} as indicator_values
        on
            coverage.edition = indicator_values.edition
            and edition_cities.city_code = indicator_values.city_code
            and indicators.indicator_code = indicator_values.indicator_code
            and not indicator_values.is_stand_in
    where coverage.score_source <> 'computed' and indicator_values.city_code is null

),

-- the terms of every formula that have no figure
missing as (

    select
        wanted.edition,
        wanted.variable_code,
        wanted.score_source,
        wanted.city_code,
        wanted.indicator_code,
        wanted.year,
        terms.alternative,
        terms.statistic_code,
        count(*) over (
            partition by wanted.edition, wanted.city_code, wanted.indicator_code, terms.alternative
        ) as missing_terms
    from wanted
    inner join {{ ref('indicator_terms') }} as terms
        on wanted.indicator_code = terms.indicator_code
    left join {{ ref('int_observations') }} as observations
        on
            wanted.city_code = observations.city_code
            and terms.statistic_code = observations.statistic_code
            and wanted.year = observations.year
    where observations.city_code is null

),

-- of several formulas, the one that lacks least
shortest as (

    select distinct
        edition,
        variable_code,
        score_source,
        city_code,
        statistic_code,
        year
    from (
        select
            *,
            dense_rank() over (
                partition by edition, city_code, indicator_code order by missing_terms, alternative
            ) as place
        from missing
    ) as ordered
    where place = 1

),

counted as (

    select
        *,
        count(*) over (partition by edition, variable_code) as missing_figures
    from shortest

)

select
    edition,
    cast(dense_rank() over (partition by edition order by missing_figures, variable_code) as integer) as effort_rank,
    variable_code,
    score_source,
    cast(missing_figures as integer) as missing_figures,
    statistic_code,
    year,
    city_code
from counted
