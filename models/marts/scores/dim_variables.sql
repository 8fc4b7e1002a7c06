select
    variable_code,
    variable_no,
    dimension_code,
    variable_zh,
    variable_en,
    scoring_method,
    tie_rule
from {{ ref('variables') }}
