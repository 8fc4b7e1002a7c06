select
    statistic_code,
    statistic_zh,
    statistic_en,
    unit_zh as unit,
    unit_en,
    plausible_min,
    plausible_max
from {{ ref('statistics') }}
