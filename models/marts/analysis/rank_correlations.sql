-- How far the top reaches is what the contract declares with `meta: {top: ...}`.
with official as (

    select
        edition,
        city_code,
        rank,
        rank + (count(*) over (partition by edition, rank) - 1) / 2.0 as place
    from {{ ref('fct_total_scores') }}

),

-- Spearman's correlation is that of the average ranks
replications as (

    select
        ranks.edition,
        ranks.scenario,
        ranks.replication,
        case
            when min(ranks.rank) < max(ranks.rank) and min(official.rank) < max(official.rank)
                then corr((ranks.rank + ranks.last_rank) / 2.0, official.place)
        end as spearman,
        {%- for column in model.columns.values() if column.config.meta.top %}
            avg(
                case
                    when official.rank > {{ column.config.meta.top }} then null
                    when ranks.rank <= {{ column.config.meta.top }} then 1.0 else 0.0
                end
            ) as {{ column.name }},
        {%- endfor %}
        avg(abs(ranks.rank - official.rank)) as mean_absolute_rank_change,
        max(abs(ranks.rank - official.rank)) as largest_rank_change
    from {{ ref('int_replication_ranks') }} as ranks
    inner join official
        on
            ranks.edition = official.edition
            and ranks.city_code = official.city_code
    group by ranks.edition, ranks.scenario, ranks.replication

)

select
    edition,
    scenario,
    cast(count(*) as integer) as replications,
    round(min(spearman), 6) as spearman_lowest,
    round(percentile_cont(0.05) within group (order by spearman), 6) as spearman_p05,
    round(percentile_cont(0.5) within group (order by spearman), 6) as spearman_median,
    round(avg(spearman), 6) as spearman_mean,
    {%- for column in model.columns.values() if column.config.meta.top %}
        round(avg({{ column.name }}), 6) as {{ column.name }},
    {%- endfor %}
    round(avg(mean_absolute_rank_change), 6) as mean_absolute_rank_change,
    max(largest_rank_change) as largest_rank_change
from replications
group by edition, scenario
