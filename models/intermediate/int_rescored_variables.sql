-- Variable scores under another rule for ties, and with values normalised otherwise than by rank.
with scores as (

    select
        variable_scores.edition,
        variable_scores.city_code,
        variable_scores.variable_code,
        variable_scores.score_source,
        variables.scoring_method,
        variable_scores.score,
        {{ rank_score('variable_scores.score', "'better'", 'variable_scores.edition, variable_scores.variable_code') }}
            as score_if_better,
        {{ rank_score('variable_scores.score', "'worse'", 'variable_scores.edition, variable_scores.variable_code') }}
            as score_if_worse
    from {{ ref('fct_variable_scores') }} as variable_scores
    inner join {{ ref('dim_variables') }} as variables
        on variable_scores.variable_code = variables.variable_code

),

directed as (

    select
        scores.edition,
        scores.city_code,
        scores.variable_code,
        indicators.indicator_code,
        {{ directed_value('indicator_values.value', 'indicators.direction') }} as value,
        -- a city that a list does not name has no value: such a variable keeps its points
        count(*) over (partition by scores.edition, scores.variable_code)
        - count(indicator_values.value) over (partition by scores.edition, scores.variable_code) as missing_values
    from scores
    inner join {{ ref('dim_indicators') }} as indicators
        on scores.variable_code = indicators.variable_code
    inner join {{ ref('fct_indicator_values') }} as indicator_values
        on
            scores.edition = indicator_values.edition
            and scores.city_code = indicator_values.city_code
            and indicators.indicator_code = indicator_values.indicator_code
    where scores.score_source <> 'printed' and scores.scoring_method <> 'level_points'

),

valued as (

    select
        edition,
        city_code,
        variable_code,
        indicator_code,
        value,
        count(*) over (partition by edition, indicator_code) as city_count,
        min(value) over (partition by edition, indicator_code) as lowest,
        max(value) over (partition by edition, indicator_code) as highest,
        avg(value) over (partition by edition, indicator_code) as mean,
        stddev_pop(value) over (partition by edition, indicator_code) as deviation,
        {{ rank_score('value', "'better'", 'edition, indicator_code') }} as score_if_better,
        {{ rank_score('value', "'worse'", 'edition, indicator_code') }} as score_if_worse
    from directed
    where missing_values = 0

),

-- each normalisation has the scale of the points 1 to n: their range, or their mean and standard deviation
normalised as (

    select
        scenarios.scenario,
        valued.edition,
        valued.city_code,
        valued.variable_code,
        avg(case
            when valued.lowest = valued.highest then (valued.city_count + 1) / 2.0
            when scenarios.parameter = 'min_max'
                then
                    1 + (valued.city_count - 1)
                    * (valued.value - valued.lowest) / (valued.highest - valued.lowest)
            when scenarios.parameter = 'z_score'
                then
                    (valued.city_count + 1) / 2.0
                    + (valued.value - valued.mean) / valued.deviation
                    * sqrt((valued.city_count * valued.city_count - 1) / 12.0)
            when scenarios.parameter = 'percentile'
                then (valued.score_if_better + valued.score_if_worse) / 2.0
        end) as score
    from valued
    cross join {{ ref('robustness_scenarios') }} as scenarios
    where scenarios.method = 'normalisation'
    group by scenarios.scenario, valued.edition, valued.city_code, valued.variable_code

),

editions as (

    select distinct
        edition,
        scenario
    from normalised

)

select
    scores.edition,
    editions.scenario,
    scores.city_code,
    scores.variable_code,
    cast(coalesce(normalised.score, scores.score) as double) as scenario_score
from scores
inner join editions
    on scores.edition = editions.edition
left join normalised
    on
        editions.edition = normalised.edition
        and editions.scenario = normalised.scenario
        and scores.city_code = normalised.city_code
        and scores.variable_code = normalised.variable_code

union all

select
    scores.edition,
    scenarios.scenario,
    scores.city_code,
    scores.variable_code,
    cast(case
        when scores.scoring_method = 'level_points' then scores.score
        when scenarios.parameter = 'better' then scores.score_if_better
        when scenarios.parameter = 'worse' then scores.score_if_worse
        when scenarios.parameter = 'average' then (scores.score_if_better + scores.score_if_worse) / 2.0
    end as double) as scenario_score
from scores
cross join {{ ref('robustness_scenarios') }} as scenarios
where scenarios.method = 'tie_rule'
