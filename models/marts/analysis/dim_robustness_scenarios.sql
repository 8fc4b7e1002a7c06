select
    scenario,
    method,
    parameter,
    replications,
    generator_seed,
    spread_percent,
    scenario_zh,
    scenario_en,
    description_zh,
    description_en
from {{ ref('robustness_scenarios') }}
