-- 总积分的分布是什么样子？
-- What does the distribution of the totals look like?
--
-- Learn: classes by integer division, a bar by repeat().
-- Read: each `#` is a city; both bounds belong to the class. Where the bars are long, few points are many
-- ranks. A class without cities would have no row.

select
    200 * (score // 200) as from_score,
    200 * (score // 200) + 199 as to_score,
    count(*) as cities,
    repeat('#', count(*)) as bar
from marts.fct_total_scores
where edition = '2025'
group by from_score
order by from_score desc
