-- One indicator: its score is the variable's. Several: their scores are added and the sum is ranked.
with sums as (

    select
        edition,
        city_code,
        variable_code,
        indicator_count,
        score_source,
        tie_rule,
        sum(score) as points,
        case when indicator_count = 1 then max(value) else sum(score) end as measured
    from {{ ref('int_covered_scores') }}
    group by edition, city_code, variable_code, indicator_count, score_source, tie_rule

)

select
    edition,
    city_code,
    variable_code,
    score_source,
    measured,
    cast(case
        when indicator_count = 1 then points
        else {{ rank_score('points', 'tie_rule', 'edition, variable_code') }}
    end as integer) as score
from sums
