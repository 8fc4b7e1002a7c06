-- 没有数据库文件，怎样用Parquet知道有哪些代码表？
-- Without the database file: which tables of codes are there as Parquet, and how many rows do they have?
--
-- Learn: a pattern reads many files; parquet_file_metadata() needs their last bytes only.
-- Read: paths are relative to the folder that you start from, here that of the project. pandas, Spark, R and
-- Power BI open the same files.

select
    parse_filename(file_name, true) as table_name,
    num_rows as row_count
from parquet_file_metadata('releases/current/parquet/marts/dim_*.parquet')
order by table_name
