with scores as (

    select
        variable_scores.edition,
        variable_scores.city_code,
        variables.dimension_code,
        cast(sum(variable_scores.score) as integer) as score
    from {{ ref('fct_variable_scores') }} as variable_scores
    inner join {{ ref('dim_variables') }} as variables
        on variable_scores.variable_code = variables.variable_code
    group by variable_scores.edition, variable_scores.city_code, variables.dimension_code

)

select
    edition,
    city_code,
    dimension_code,
    score,
    cast({{ competition_rank('score', 'edition, dimension_code') }} as integer) as rank
from scores
