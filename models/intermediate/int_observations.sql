with ranked as (

    select
        city_code,
        statistic_code,
        year,
        value,
        source_code,
        count(*) over (partition by city_code, statistic_code, year) as source_count,
        row_number() over (partition by city_code, statistic_code, year order by precedence) as place
    from {{ ref('stg_observations') }}
    where exclusion_reason is null

)

select
    city_code,
    statistic_code,
    year,
    value,
    source_code,
    cast(source_count as integer) as source_count
from ranked
where place = 1
