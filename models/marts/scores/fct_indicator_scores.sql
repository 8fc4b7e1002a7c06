select
    edition,
    city_code,
    indicator_code,
    score
from {{ ref('int_covered_scores') }}
where score_source <> 'printed'
