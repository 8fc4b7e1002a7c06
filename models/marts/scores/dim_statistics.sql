select
    statistic_code,
    statistic_zh,
    statistic_en,
    dimension_code as home_dimension_code,
    unit_zh as unit,
    unit_en,
    plausible_min,
    plausible_max
from {{ ref('statistics') }}
