select
    indicator_code,
    alternative,
    term_no,
    statistic_code,
    role,
    coefficient
from {{ ref('indicator_terms') }}
