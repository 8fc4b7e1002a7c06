-- The deviation of the differences is their root mean square once each city's own mean is taken away.
with distances as (

    select
        a.edition,
        a.city_code,
        a.city_zh,
        a.city_en,
        a.total_rank,
        b.city_code as peer_city_code,
        b.city_zh as peer_city_zh,
        b.city_en as peer_city_en,
        b.total_rank as peer_total_rank,
        stddev_pop(a.score - b.score) as distance
    from {{ ref('city_profiles') }} as a
    inner join {{ ref('city_profiles') }} as b
        on
            a.edition = b.edition
            and a.dimension_code = b.dimension_code
            and a.city_code <> b.city_code
    group by
        a.edition, a.city_code, a.city_zh, a.city_en, a.total_rank,
        b.city_code, b.city_zh, b.city_en, b.total_rank

),

ordered as (

    select
        distances.*,
        row_number() over (
            partition by distances.edition, distances.city_code
            order by round(distances.distance, 9), distances.peer_city_code
        ) as peer_rank
    from distances

)

select
    edition,
    city_code,
    city_zh,
    city_en,
    cast(peer_rank as integer) as peer_rank,
    peer_city_code,
    peer_city_zh,
    peer_city_en,
    distance,
    total_rank,
    peer_total_rank
from ordered
where peer_rank <= {{ var('peers_per_city') }}
