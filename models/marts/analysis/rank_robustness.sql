-- How far the top reaches, and the tiers, are what the contract declares as `meta: {top: ...}` and `meta: {tier: ...}`.
with official as (

    -- in an edition without tiers no chance of one is known
    select
        *,
        max(tier) over (partition by edition) is not null as has_tiers
    from {{ ref('fct_total_scores') }}

)

select
    ranks.edition,
    ranks.scenario,
    ranks.city_code,
    official.rank as official_rank,
    cast(count(*) as integer) as replications,
    percentile_disc(0.05) within group (order by ranks.rank) as rank_p05,
    percentile_disc(0.5) within group (order by ranks.rank) as rank_median,
    percentile_disc(0.95) within group (order by ranks.rank) as rank_p95,
    min(ranks.rank) as best_rank,
    max(ranks.rank) as worst_rank,
    {%- for column in model.columns.values() if column.config.meta.top %}
        round(avg(case when ranks.rank <= {{ column.config.meta.top }} then 1.0 else 0.0 end), 6) as {{ column.name }},
    {%- endfor %}
    {%- for column in model.columns.values() if column.config.meta.tier %}
        round(
            avg(case when tiers.tier = {{ column.config.meta.tier }} then 1.0 when official.has_tiers then 0.0 end), 6
        ) as {{ column.name }},
    {%- endfor %}
    round(avg(official.rank - ranks.rank), 6) as mean_rank_change,
    round(avg(abs(ranks.rank - official.rank)), 6) as mean_absolute_rank_change
from {{ ref('int_replication_ranks') }} as ranks
inner join official
    on
        ranks.edition = official.edition
        and ranks.city_code = official.city_code
left join {{ ref('tiers') }} as tiers
    on
        ranks.edition = tiers.edition
        and ranks.scaled_total > tiers.score_above
        and (tiers.score_up_to is null or ranks.scaled_total <= tiers.score_up_to)
group by ranks.edition, ranks.scenario, ranks.city_code, official.rank
