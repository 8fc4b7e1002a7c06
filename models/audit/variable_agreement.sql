-- Both sides are ranked among the cities compared: all cities of a complete variable, the covered ones of a
-- partly covered one.
with compared as (

    select
        covered.edition,
        covered.variable_code,
        covered.city_code,
        covered.score,
        case
            when coverage.cities_covered = coverage.city_count then printed.value
            else {{ rank_score('printed.value', 'variables.tie_rule', 'covered.edition, covered.variable_code') }}
        end as compared_with,
        -- Spearman's correlation is that of the average ranks
        rank() over (partition by covered.edition, covered.variable_code order by covered.score)
        + (count(*) over (partition by covered.edition, covered.variable_code, covered.score) - 1) / 2.0 as place,
        rank() over (partition by covered.edition, covered.variable_code order by printed.value)
        + (count(*) over (partition by covered.edition, covered.variable_code, printed.value) - 1) / 2.0
            as printed_place
    from {{ ref('int_covered_variable_scores') }} as covered
    inner join {{ ref('variables') }} as variables
        on covered.variable_code = variables.variable_code
    inner join {{ ref('int_variable_coverage') }} as coverage
        on
            covered.edition = coverage.edition
            and covered.variable_code = coverage.variable_code
    inner join {{ ref('stg_published_cells') }} as printed
        on
            coverage.fallback_edition = printed.edition
            and covered.city_code = printed.city_code
            and covered.variable_code = printed.variable_code

)

select
    coverage.edition,
    coverage.variable_code,
    coverage.score_source,
    coverage.city_count as city_total,
    coverage.cities_covered,
    coverage.stand_in_cities,
    cast(count(compared.city_code) as integer) as cities_compared,
    cast(count(case when compared.score = compared.compared_with then 1 end) as integer) as exact,
    cast(count(case when abs(compared.score - compared.compared_with) <= 1 then 1 end) as integer) as within_one,
    case
        when
            count(compared.city_code) >= 3
            and min(compared.place) < max(compared.place)
            and min(compared.printed_place) < max(compared.printed_place)
            then round(corr(compared.place, compared.printed_place), 4)
    end as spearman
from {{ ref('int_variable_coverage') }} as coverage
left join compared
    on
        coverage.edition = compared.edition
        and coverage.variable_code = compared.variable_code
group by
    coverage.edition, coverage.variable_code, coverage.score_source, coverage.city_count,
    coverage.cities_covered, coverage.stand_in_cities
