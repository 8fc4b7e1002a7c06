select
    edition,
    city_code,
    code as mixture_city_code,
    round(cast(parts as double) / sum(parts) over (partition by edition, city_code), 9) as share
from {{ ref('int_first_place_programs') }}
where certificate = 'share'
