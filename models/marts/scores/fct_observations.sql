select
    observations.city_code,
    observations.statistic_code,
    observations.year,
    observations.source_code,
    observations.value,
    used.source_code is not null as is_used,
    observations.exclusion_reason,
    observations.printed_figure,
    observations.printed_unit,
    observations.reference,
    observations.note
from {{ ref('stg_observations') }} as observations
left join {{ ref('int_observations') }} as used
    on
        observations.city_code = used.city_code
        and observations.statistic_code = used.statistic_code
        and observations.year = used.year
        and observations.source_code = used.source_code
