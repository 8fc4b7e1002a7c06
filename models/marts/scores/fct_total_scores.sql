with scores as (

    select
        edition,
        city_code,
        cast(sum(score) as integer) as score
    from {{ ref('fct_dimension_scores') }}
    group by edition, city_code

)

select
    scores.edition,
    scores.city_code,
    scores.score,
    cast({{ competition_rank('scores.score', 'scores.edition') }} as integer) as rank,
    tiers.tier
from scores
left join {{ ref('tiers') }} as tiers
    on
        scores.edition = tiers.edition
        and scores.score > tiers.score_above
        and (tiers.score_up_to is null or scores.score <= tiers.score_up_to)
