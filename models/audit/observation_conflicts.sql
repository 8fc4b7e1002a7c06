select
    rejected.city_code,
    rejected.statistic_code,
    rejected.year,
    rejected.source_code as rejected_source_code,
    rejected.value as rejected_value,
    used.source_code as used_source_code,
    used.value as used_value,
    rejected.value / nullif(used.value, 0) - 1 as relative_difference,
    coalesce(rejected.exclusion_reason, 'precedence') as reason
from {{ ref('stg_observations') }} as rejected
left join {{ ref('int_observations') }} as used
    on
        rejected.city_code = used.city_code
        and rejected.statistic_code = used.statistic_code
        and rejected.year = used.year
where used.source_code is null or rejected.source_code <> used.source_code
