-- 哪些城市没有短板：十个维度都在前一半？
-- Which cities have no weak side: in the first half in all ten dimensions?
--
-- Learn: having on max() asks something of all rows of a group.
-- Read: `worst_rank` is the rank in the weakest dimension. A city may stand high in total and be missing here
-- for one dimension.

select
    profiles.total_rank,
    profiles.city_zh,
    profiles.city_en,
    max(profiles.rank) as worst_rank,
    arg_max(profiles.dimension_zh, profiles.strength_order) as weakest_dimension
from marts.city_profiles as profiles
where profiles.edition = '2025'
group by profiles.total_rank, profiles.city_code, profiles.city_zh, profiles.city_en
having max(profiles.rank) <= 30
order by worst_rank, profiles.total_rank
