select
    dimension_code,
    dimension_no,
    dimension_zh,
    dimension_en
from {{ ref('dimensions') }}
