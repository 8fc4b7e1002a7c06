-- The table macro exists, and where all dimensions weigh the same every city keeps its rank.
{{ config(enabled=(target.type == 'duckdb')) }}
select
    city_code,
    official_rank,
    rank_change
from {{ ref('scheme_scores').schema }}.what_if()
where rank_change <> 0
