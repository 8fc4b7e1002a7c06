-- Points 1 to n: the range, or the mean and standard deviation. Variables of several indicators take a mean of such
-- scores, which spreads less; they are left out, as are those that keep their points for want of a value.
with candidates as (
    select
        scores.edition,
        scores.variable_code
    from {{ ref('fct_variable_scores') }} as scores
    inner join {{ ref('dim_indicators') }} as indicators
        on scores.variable_code = indicators.variable_code
    inner join {{ ref('dim_variables') }} as variables
        on scores.variable_code = variables.variable_code
    left join {{ ref('fct_indicator_values') }} as indicator_values
        on
            scores.edition = indicator_values.edition
            and scores.city_code = indicator_values.city_code
            and indicators.indicator_code = indicator_values.indicator_code
    where scores.score_source <> 'printed' and variables.scoring_method <> 'level_points'
    group by scores.edition, scores.variable_code
    having count(distinct indicators.indicator_code) = 1 and count(*) = count(indicator_values.value)
),

scales as (
    select
        rescored.edition,
        rescored.scenario,
        rescored.variable_code,
        scenarios.parameter,
        count(*) as n,
        min(rescored.scenario_score) as lowest,
        max(rescored.scenario_score) as highest,
        avg(rescored.scenario_score) as mean,
        stddev_pop(rescored.scenario_score) as deviation
    from {{ ref('int_rescored_variables') }} as rescored
    inner join {{ ref('dim_robustness_scenarios') }} as scenarios
        on rescored.scenario = scenarios.scenario
    inner join candidates
        on
            rescored.edition = candidates.edition
            and rescored.variable_code = candidates.variable_code
    where scenarios.method = 'normalisation'
    group by rescored.edition, rescored.scenario, rescored.variable_code, scenarios.parameter
)

select * from scales
where
    lowest < highest
    and (
        (parameter = 'min_max' and (abs(lowest - 1) > 0.000001 or abs(highest - n) > 0.000001))
        or (parameter <> 'min_max' and abs(mean - (n + 1) / 2.0) > 0.000001)
        or (parameter = 'z_score' and abs(deviation - sqrt((n * n - 1) / 12.0)) > 0.000001)
    )
