-- 怎样用中文表头查报告中的榜单？
-- How do I read the report's own tables, with Chinese headings?
--
-- Learn: schema 榜单 has the eleven tables of the report; rankings has the same with English headings.
-- Read: rank 10 or better in the dimension. Rows of the view come as they are printed; `order by` puts cities
-- that are level by name instead, for no figure gives their printed order.

select
    排序,
    城市,
    废物利用水平,
    政府环保投入,
    绿色工厂数量,
    碳排放强度,
    清洁能源占比,
    维度积分
from 榜单.绿色低碳积分表
where 排序 <= 10
order by 排序, 城市
