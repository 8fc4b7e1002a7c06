-- 在现成的几套权重方案下，前十名的名次怎样变化？
-- How do the first ten fare under the weight schemes that come with the warehouse?
--
-- Learn: pivot with chosen columns, in the order you name them.
-- Read: a column a scheme, ranks in the cells. `equal` is the official ranking; the others are examples, made
-- to show how it is done, not to recommend anything.

with ranks as (
    select
        schemes.official_rank,
        cities.city_code,
        cities.city_zh,
        schemes.scheme,
        schemes.rank
    from marts.scheme_scores as schemes
    inner join marts.dim_cities as cities using (city_code)
    where schemes.edition = '2025' and schemes.official_rank <= 10
)

pivot ranks
on scheme in ('equal', 'business_only', 'innovation_first', 'liveable_and_green', 'open_trade')
using any_value(rank)
group by official_rank, city_code, city_zh
order by official_rank, city_code
