-- Rank points depend on who is ranked, so only editions of the very same cities are compared.
with pairs as (

    select
        origin.edition as from_edition,
        destination.edition as to_edition,
        origin.city_code,
        origin.score as score_from,
        destination.score as score_to,
        origin.rank as rank_from,
        destination.rank as rank_to,
        origin.tier as tier_from,
        destination.tier as tier_to,
        count(*) over (partition by origin.edition, destination.edition) as common_cities
    from {{ ref('fct_total_scores') }} as origin
    inner join {{ ref('fct_total_scores') }} as destination
        on
            origin.city_code = destination.city_code
            and origin.edition <> destination.edition

)

select
    pairs.from_edition,
    pairs.to_edition,
    pairs.city_code,
    pairs.score_from,
    pairs.score_to,
    pairs.score_to - pairs.score_from as score_change,
    pairs.rank_from,
    pairs.rank_to,
    pairs.rank_from - pairs.rank_to as rank_change,
    pairs.tier_from,
    pairs.tier_to
from pairs
inner join {{ ref('dim_editions') }} as origin
    on
        pairs.from_edition = origin.edition
        and pairs.common_cities = origin.city_count
inner join {{ ref('dim_editions') }} as destination
    on
        pairs.to_edition = destination.edition
        and pairs.common_cities = destination.city_count
