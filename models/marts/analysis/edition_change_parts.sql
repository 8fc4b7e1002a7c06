select
    changes.from_edition,
    changes.to_edition,
    changes.city_code,
    variables.dimension_code,
    variables.variable_code,
    origin.score as score_from,
    destination.score as score_to,
    destination.score - origin.score as score_change
from {{ ref('edition_changes') }} as changes
inner join {{ ref('fct_variable_scores') }} as origin
    on
        changes.from_edition = origin.edition
        and changes.city_code = origin.city_code
inner join {{ ref('fct_variable_scores') }} as destination
    on
        changes.to_edition = destination.edition
        and changes.city_code = destination.city_code
        and origin.variable_code = destination.variable_code
inner join {{ ref('dim_variables') }} as variables
    on origin.variable_code = variables.variable_code
