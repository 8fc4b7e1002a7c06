-- What is measured is the indicator's value where the variable has one indicator, else the sum of their points.
with scored as (

    select
        covered.edition,
        covered.variable_code,
        covered.city_code,
        covered.score_source,
        covered.score,
        printed.value as printed_score,
        covered.measured,
        lead(covered.measured) over (
            partition by covered.edition, covered.variable_code order by covered.score, covered.city_code
        ) as value_above,
        lag(covered.measured) over (
            partition by covered.edition, covered.variable_code order by covered.score, covered.city_code
        ) as value_below,
        lead(covered.measured) over (
            partition by covered.edition, covered.variable_code order by printed.value, covered.city_code
        ) as printed_above,
        lag(covered.measured) over (
            partition by covered.edition, covered.variable_code order by printed.value, covered.city_code
        ) as printed_below
    from {{ ref('int_covered_variable_scores') }} as covered
    inner join {{ ref('dim_editions') }} as editions
        on covered.edition = editions.edition
    inner join {{ ref('stg_published_cells') }} as printed
        on
            editions.fallback_edition = printed.edition
            and covered.city_code = printed.city_code
            and covered.variable_code = printed.variable_code
    where covered.score_source <> 'printed'

)

select
    edition,
    variable_code,
    city_code,
    score_source,
    score,
    printed_score,
    score - printed_score as score_difference,
    measured,
    value_above,
    value_below,
    least(printed_above, printed_below) as implied_low,
    greatest(printed_above, printed_below) as implied_high
from scored
where score <> printed_score
