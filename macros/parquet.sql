{#- The folder is not asked for while dbt parses: it is another one in each build, and dbt would parse all anew. -#}
{% macro write_parquet() -%}
    {%- if execute and env_var('OPPORTUNITY_CITIES_TABLES', '') and config.get('meta', {}).get('parquet', true) -%}
        {{ adapter.dispatch('write_parquet')(env_var('OPPORTUNITY_CITIES_TABLES')) }}
    {%- endif -%}
{%- endmacro %}

{% macro default__write_parquet(folder) -%}{%- endmacro %}

{% macro duckdb__write_parquet(folder) -%}
    copy (from {{ this }}) to '{{ folder | replace("'", "''") }}/{{ this.schema }}.{{ this.identifier }}.parquet'
    (
        format parquet
        {%- if model.columns %}, kv_metadata {
            {%- for column in model.columns.values() %}
            {{ adapter.quote(column.name) }}: '{{ column.description.split('. ') | first | replace("'", "''") }}' {{- ',' if not loop.last }}
            {%- endfor %}
        }
        {%- endif %}
    )
{%- endmacro %}
