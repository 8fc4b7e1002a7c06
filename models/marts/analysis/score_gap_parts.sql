select
    gaps.edition,
    gaps.city_code,
    gaps.target,
    variables.dimension_code,
    variables.variable_code,
    own.score,
    ahead.score as target_score,
    ahead.score - own.score as difference
from {{ ref('score_gaps') }} as gaps
inner join {{ ref('fct_variable_scores') }} as own
    on
        gaps.edition = own.edition
        and gaps.city_code = own.city_code
inner join {{ ref('fct_variable_scores') }} as ahead
    on
        gaps.edition = ahead.edition
        and gaps.target_city_code = ahead.city_code
        and own.variable_code = ahead.variable_code
inner join {{ ref('dim_variables') }} as variables
    on own.variable_code = variables.variable_code
