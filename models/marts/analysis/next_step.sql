-- Any m variables can together gain at most what the m with the most room can. So taking the most room first
-- reaches the gap with the fewest variables, and leaves it out of reach of fewer.
with rooms as (

    -- the points of a level are given by its plan, not earned by passing cities
    select
        gaps.edition,
        gaps.city_code,
        gaps.gap,
        variables.variable_code,
        variables.variable_no,
        scores.score,
        editions.city_count - scores.score as room
    from {{ ref('score_gaps') }} as gaps
    inner join {{ ref('dim_editions') }} as editions
        on gaps.edition = editions.edition
    inner join {{ ref('fct_variable_scores') }} as scores
        on
            gaps.edition = scores.edition
            and gaps.city_code = scores.city_code
    inner join {{ ref('dim_variables') }} as variables
        on scores.variable_code = variables.variable_code
    where
        gaps.target = 'city_above'
        and variables.scoring_method <> 'level_points'
        and scores.score < editions.city_count

),

-- the lowest score has the most room
steps as (

    select
        *,
        row_number() over (partition by edition, city_code order by score, variable_no) as step_no,
        sum(room) over (partition by edition, city_code) as room_of_all,
        sum(room) over (
            partition by edition, city_code order by score, variable_no
            rows between unbounded preceding and current row
        ) - room as room_before
    from rooms

)

select
    edition,
    city_code,
    cast(step_no as integer) as step_no,
    variable_code,
    score,
    room,
    cast(least(room, gap - room_before) as integer) as points_added,
    cast(score + least(room, gap - room_before) as integer) as score_after,
    gap as points_needed
from steps
where
    room_before < gap
    -- half a way is no step
    and room_of_all >= gap
