-- 我的城市（宜昌）在十个维度中各排第几？
-- Where does my city, Yichang, stand in each of the ten dimensions?
--
-- Learn: the city stands in one place, at the top; joins by `using` bring in the names.
-- Read: 60 cities are ranked, so rank 30 is the middle. A score is a sum of five variables of at most 60
-- points.

with asked as (
    select '宜昌' as city_zh
)

select
    dimensions.dimension_no,
    dimensions.dimension_zh,
    dimensions.dimension_en,
    scores.score,
    scores.rank
from marts.fct_dimension_scores as scores
inner join marts.dim_cities as cities using (city_code)
inner join marts.dim_dimensions as dimensions using (dimension_code)
inner join asked using (city_zh)
where scores.edition = '2025'
order by dimensions.dimension_no
