select
    rule_scores.edition,
    rule_scores.variable_code,
    variables.scoring_method,
    variables.tie_rule,
    cast(count(*) as integer) as city_count,
    cast(count(*) - count(distinct rule_scores.score) as integer) as ties,
    cast(count(case when rule_scores.score <> rule_scores.rule_score then 1 end) as integer) as off_rule,
    cast(count(case when rule_scores.score <> rule_scores.score_if_better then 1 end) as integer) as off_if_better,
    cast(count(case when rule_scores.score <> rule_scores.score_if_worse then 1 end) as integer) as off_if_worse
from {{ ref('int_published_rule_scores') }} as rule_scores
inner join {{ ref('variables') }} as variables
    on rule_scores.variable_code = variables.variable_code
group by rule_scores.edition, rule_scores.variable_code, variables.scoring_method, variables.tie_rule
