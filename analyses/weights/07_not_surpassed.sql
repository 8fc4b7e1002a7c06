-- 哪些城市没有被任何一个城市在十个维度上全面超过？
-- Which cities does no single other city surpass in all ten dimensions?
--
-- Learn: `not exists` over groups: the Pareto front, which needs no weights at all.
-- Read: surpassed means that one other city is at least as good in every dimension and better in one. Cities
-- that are here need not be able to be first: no one city beats them everywhere, but a mixture of cities may
-- (see the question before).

with pairs as (
    select
        mine.city_code,
        theirs.city_code as other_code
    from marts.fct_dimension_scores as mine
    inner join marts.fct_dimension_scores as theirs using (edition, dimension_code)
    where mine.edition = '2025' and mine.city_code <> theirs.city_code
    group by mine.city_code, theirs.city_code
    having bool_and(theirs.score >= mine.score) and bool_or(theirs.score > mine.score)
)

select
    cards.total_rank,
    cards.city_zh,
    cards.city_en
from marts.city_scorecards as cards
where
    cards.edition = '2025'
    and not exists (
        select 1
        from pairs
        where pairs.city_code = cards.city_code
    )
order by cards.total_rank, cards.city_code
