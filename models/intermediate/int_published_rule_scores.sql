-- A printed column says nothing but the order of its cities, so scoring that order by the variable's own
-- rule must give the printed column back. Where it does not, the report contradicts itself.
with printed as (

    select
        cells.edition,
        cells.city_code,
        cells.variable_code,
        variables.scoring_method,
        variables.tie_rule,
        cells.value as score,
        -- what lies between two levels is not a level: it falls to the one below
        max(score_levels.points) as level_points
    from {{ ref('stg_published_cells') }} as cells
    inner join {{ ref('variables') }} as variables
        on cells.variable_code = variables.variable_code
    left join {{ ref('score_levels') }} as score_levels
        on
            cells.variable_code = score_levels.variable_code
            and cells.value >= score_levels.points
    group by
        cells.edition, cells.city_code, cells.variable_code,
        variables.scoring_method, variables.tie_rule, cells.value

)

select
    edition,
    city_code,
    variable_code,
    score,
    cast({{ variable_score(
        value="(case scoring_method when 'level_points' then level_points else score end)",
        scoring_method='scoring_method',
        tie_rule='tie_rule',
        is_listed='(score > 1)',
        partition_by='edition, variable_code',
    ) }} as integer) as rule_score,
    cast({{ rank_score('score', "'better'", 'edition, variable_code') }} as integer) as score_if_better,
    cast({{ rank_score('score', "'worse'", 'edition, variable_code') }} as integer) as score_if_worse
from printed
