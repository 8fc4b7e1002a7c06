-- 与我的城市（福州）结构最相似的城市是哪些，它们在哪里比它强？
-- Which cities are built most like mine, Fuzhou, and where are they ahead of it?
--
-- Learn: two lists of ranks joined by the dimension; string_agg makes a list in a cell.
-- Read: `distance` compares profiles, not levels: a peer may stand far above or below, and one far above
-- leads nearly everywhere. In brackets the places that the peer is ahead, its three largest leads; empty if
-- it is nowhere ahead.

with asked as (
    select '福州' as city_zh
),

leads as (
    select
        peers.peer_rank,
        peers.peer_city_zh,
        peers.distance,
        peers.peer_total_rank,
        theirs.dimension_zh,
        mine.rank - theirs.rank as places,
        row_number() over (
            partition by peers.peer_rank order by mine.rank - theirs.rank desc, theirs.dimension_code
        ) as place
    from marts.city_peers as peers
    inner join asked using (city_zh)
    inner join marts.city_profiles as mine using (edition, city_code)
    inner join marts.city_profiles as theirs
        on
            peers.edition = theirs.edition
            and peers.peer_city_code = theirs.city_code
            and mine.dimension_code = theirs.dimension_code
    where peers.edition = '2025'
)

select
    peer_rank,
    peer_city_zh,
    round(distance, 1) as distance,
    peer_total_rank,
    string_agg(dimension_zh || ' (' || places || ')', ', ' order by place) filter (where places > 0 and place <= 3)
        as ahead_in
from leads
group by peer_rank, peer_city_zh, distance, peer_total_rank
order by peer_rank
