-- Millions of rows pass here. Weights are laid side by side as the scorecards lay the dimensions, so that a total is
-- one expression: adding up rows by city and replication takes four times as long. Weighted sums are integers far
-- below 2^53, which a double holds exactly.
{%- set dimension_codes = dimension_columns() %}
with weights as (

    select
        scenario,
        replication,
        {%- for code in dimension_codes %}
            max(case when dimension_code = '{{ code }}' then weight end) as {{ code }},
        {%- endfor %}
        avg(weight) as mean_weight
    from {{ ref('replication_weights') }}
    group by scenario, replication

),

weighted as (

    select
        weights.scenario,
        weights.replication,
        scorecards.edition,
        scorecards.city_code,
        cast(
            0 {%- for code in dimension_codes %}
                + weights.{{ code }} * scorecards.{{ code }}
            {%- endfor %} as double
        ) as points,
        weights.mean_weight
    from weights
    cross join {{ ref('city_scorecards') }} as scorecards

),

without_a_variable as (

    select
        replications.scenario,
        replications.replication,
        scores.edition,
        scores.city_code,
        cast(totals.score - scores.score as double) as points,
        1 - 1.0 / count(*) over (partition by replications.scenario, scores.edition, scores.city_code) as mean_weight
    from {{ ref('replications') }} as replications
    inner join {{ ref('robustness_scenarios') }} as scenarios
        on replications.scenario = scenarios.scenario
    inner join {{ ref('fct_variable_scores') }} as scores
        on replications.parameter = scores.variable_code
    inner join {{ ref('fct_total_scores') }} as totals
        on
            scores.edition = totals.edition
            and scores.city_code = totals.city_code
    where scenarios.method = 'leave_out_variable'

),

rescored as (

    select
        scenario,
        1 as replication,
        edition,
        city_code,
        round(sum(scenario_score), 9) as points,
        1 as mean_weight
    from {{ ref('int_rescored_variables') }}
    group by scenario, edition, city_code

),

totals as (

    select * from weighted
    union all
    select * from without_a_variable
    union all
    select * from rescored

)

select
    edition,
    scenario,
    replication,
    city_code,
    points / mean_weight as scaled_total,
    cast(rank() over (partition by edition, scenario, replication order by points desc) as integer) as rank,
    -- cities with equal totals stand at the ranks from rank to last_rank
    cast(count(*) over (partition by edition, scenario, replication order by points desc) as integer) as last_rank
from totals
