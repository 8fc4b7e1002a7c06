-- What is left out is made up for in proportion, so each city's totals without one dimension or variable after the
-- other average to its official total.
with averages as (
    select
        ranks.edition,
        ranks.scenario,
        ranks.city_code,
        avg(ranks.scaled_total) as mean_total
    from {{ ref('int_replication_ranks') }} as ranks
    inner join {{ ref('dim_robustness_scenarios') }} as scenarios
        on ranks.scenario = scenarios.scenario
    where scenarios.method in ('leave_out_dimension', 'leave_out_variable')
    group by ranks.edition, ranks.scenario, ranks.city_code
)

select
    averages.*,
    totals.score
from averages
inner join {{ ref('fct_total_scores') }} as totals
    on
        averages.edition = totals.edition
        and averages.city_code = totals.city_code
where abs(averages.mean_total - totals.score) > 0.000001
