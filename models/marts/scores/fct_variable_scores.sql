select
    edition,
    city_code,
    variable_code,
    value as score,
    'printed' as score_source
from {{ ref('stg_published_cells') }}
where measure = 'variable_score'
