-- Every city that stands higher is a candidate; of those that fit a target the lowest total is the nearest, and
-- of equal totals the first city code.
with higher as (

    select
        own.edition,
        own.city_code,
        own.score,
        own.tier,
        ahead.city_code as target_city_code,
        ahead.score as target_score,
        ahead.rank as target_rank,
        ahead.tier as target_tier
    from {{ ref('fct_total_scores') }} as own
    inner join {{ ref('fct_total_scores') }} as ahead
        on
            own.edition = ahead.edition
            and own.score < ahead.score

),

candidates as (

    select
        *,
        'city_above' as target,
        '上一名城市' as target_zh,
        'City above' as target_en
    from higher

    union all

    select
        *,
        'leader' as target,
        '首位城市' as target_zh,
        'Leader' as target_en
    from higher
    where target_rank = 1

    union all

    -- better tiers have higher totals, so the lowest total in any of them is in the next one that has a city
    select
        *,
        'next_tier' as target,
        '上一梯队' as target_zh,
        'Next tier' as target_en
    from higher
    where target_tier < tier or (tier is null and target_tier is not null)

),

ordered as (

    select
        *,
        row_number() over (
            partition by edition, city_code, target order by target_score, target_city_code
        ) as place
    from candidates

)

select
    ordered.edition,
    ordered.city_code,
    ordered.target,
    ordered.target_zh,
    ordered.target_en,
    ordered.target_city_code,
    ordered.score,
    ordered.target_score,
    ordered.target_score - ordered.score as gap,
    -- the bound itself is still below the tier
    tiers.score_above + 1 - ordered.score as points_to_tier
from ordered
left join {{ ref('tiers') }} as tiers
    on
        ordered.edition = tiers.edition
        and ordered.target_tier = tiers.tier
        and ordered.target = 'next_tier'
where ordered.place = 1
