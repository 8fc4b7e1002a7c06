select distinct
    weights.scenario,
    weights.replication,
    left_out.dimension_code as parameter
from {{ ref('replication_weights') }} as weights
inner join {{ ref('robustness_scenarios') }} as scenarios
    on weights.scenario = scenarios.scenario
left join {{ ref('dim_dimensions') }} as left_out
    on
        weights.replication = left_out.dimension_no
        and scenarios.method = 'leave_out_dimension'

union all

select
    scenarios.scenario,
    variables.variable_no as replication,
    variables.variable_code as parameter
from {{ ref('robustness_scenarios') }} as scenarios
cross join {{ ref('dim_variables') }} as variables
where scenarios.method = 'leave_out_variable'

union all

select
    scenario,
    1 as replication,
    parameter
from {{ ref('robustness_scenarios') }}
where method in ('normalisation', 'tie_rule')
