with wanted as (

    select
        editions.edition,
        edition_cities.city_code,
        indicators.indicator_code,
        {{ indicator_year('editions', 'indicators') }} as year,
        indicators.year_offset is null as is_of_fixed_year
    from {{ ref('editions') }} as editions
    inner join {{ ref('edition_cities') }} as edition_cities
        on editions.edition = edition_cities.edition
    cross join {{ ref('indicators') }} as indicators
    where editions.basis = 'recomputed'

),

alternatives as (

    select
        indicator_code,
        alternative,
        count(*) as term_count
    from {{ ref('indicator_terms') }}
    group by indicator_code, alternative

),

-- every formula of every city, for the year asked for and the one before
formulas as (

    select
        wanted.edition,
        wanted.city_code,
        wanted.indicator_code,
        terms.alternative,
        observations.year,
        observations.year < wanted.year as is_stand_in,
        count(*) as term_count,
        sum(observations.source_count) as source_count,
        sum(case when terms.role = 'numerator' then terms.coefficient * observations.value end) as numerator,
        coalesce(sum(case when terms.role = 'denominator' then terms.coefficient * observations.value end), 1)
            as denominator,
        {{ dbt.listagg(
            measure="observations.statistic_code || ' ' || cast(observations.year as varchar) || ' ' || observations.source_code",
            delimiter_text="', '",
            order_by_clause="order by terms.term_no",
        ) }} as statistic_sources
    from wanted
    inner join {{ ref('indicator_terms') }} as terms
        on wanted.indicator_code = terms.indicator_code
    inner join {{ ref('int_observations') }} as observations
        on
            wanted.city_code = observations.city_code
            and terms.statistic_code = observations.statistic_code
            and (
                wanted.year = observations.year
                or (wanted.year = observations.year + 1 and not wanted.is_of_fixed_year)
            )
    group by
        wanted.edition, wanted.city_code, wanted.indicator_code, terms.alternative, observations.year, wanted.year

),

-- the year asked for comes before the one before, the report's own formula before its alternatives
ordered as (

    select
        formulas.*,
        row_number() over (
            partition by formulas.edition, formulas.city_code, formulas.indicator_code
            order by formulas.is_stand_in, formulas.alternative
        ) as place
    from formulas
    inner join alternatives
        on
            formulas.indicator_code = alternatives.indicator_code
            and formulas.alternative = alternatives.alternative
            and formulas.term_count = alternatives.term_count
    where formulas.denominator <> 0

),

-- a city that a complete list does not name has no value, and that is known
unlisted as (

    select
        wanted.edition,
        wanted.city_code,
        wanted.indicator_code,
        wanted.year,
        lists.statistic_code,
        lists.source_code
    from wanted
    inner join {{ ref('indicator_terms') }} as terms
        on
            wanted.indicator_code = terms.indicator_code
            and terms.alternative = 1
    inner join {{ ref('complete_lists') }} as lists
        on
            terms.statistic_code = lists.statistic_code
            and wanted.year = lists.year
    left join ordered
        on
            wanted.edition = ordered.edition
            and wanted.city_code = ordered.city_code
            and wanted.indicator_code = ordered.indicator_code
            and not ordered.is_stand_in
    -- a city that the list names has a position, even if its value cannot be computed
    left join {{ ref('stg_observations') }} as named
        on
            wanted.city_code = named.city_code
            and lists.statistic_code = named.statistic_code
            and wanted.year = named.year
    where ordered.city_code is null and named.city_code is null

)

select
    ordered.edition,
    ordered.city_code,
    ordered.indicator_code,
    ordered.numerator / ordered.denominator as value,
    ordered.year as reference_year,
    cast(ordered.source_count as integer) as source_count,
    ordered.alternative,
    ordered.is_stand_in,
    true as is_listed,
    ordered.statistic_sources
from ordered
left join unlisted
    on
        ordered.edition = unlisted.edition
        and ordered.city_code = unlisted.city_code
        and ordered.indicator_code = unlisted.indicator_code
where ordered.place = 1 and unlisted.city_code is null

union all

select
    edition,
    city_code,
    indicator_code,
    cast(null as double) as value,
    year as reference_year,
    1 as source_count,
    1 as alternative,
    false as is_stand_in,
    false as is_listed,
    statistic_code || ' ' || cast(year as varchar) || ' ' || source_code as statistic_sources
from unlisted
