{{ config(meta={'parquet': false}) }}

with editions as (
    select
        min(base_year) as first_year,
        max(base_year) + 1 as last_year
    from {{ ref('dim_editions') }}
),

days as (
    select unnest(generate_series(make_date(first_year, 1, 1), make_date(last_year, 12, 31), interval 1 day)) as day
    from editions
)

select cast(day as date) as day
from days
